// Stands in for react-custom-scrollbars-2, which does not load as a module: a picture has nothing to scroll.
export function Scrollbars({ children }) {
  return <div>{children}</div>;
}

export default Scrollbars;
