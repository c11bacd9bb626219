// Heatmaps and state timelines: @grafana/ui has no component for them, only the plot that Grafana's own are drawn on.
import { AxisPlacement, GraphDrawStyle, ScaleDirection, ScaleOrientation, VisibilityMode } from "@grafana/schema";
import { UPlotChart, UPlotConfigBuilder, useTheme2 } from "@grafana/ui";
import { useMemo } from "react";

/**
 * Rows of coloured cells over time, the first row at the bottom.
 * `times` are the cells' left edges, `step` their width in ms, `rows` hold a label and a colour (or null) a time.
 */
export function Cells({ times, step, rows, edges, gap, space = 0, width, height, timeRange, timeZone, axisWidth }) {
  const theme = useTheme2();
  const config = useMemo(() => {
    const builder = new UPlotConfigBuilder(timeZone);
    builder.addScale({
      scaleKey: "x",
      isTime: true,
      orientation: ScaleOrientation.Horizontal,
      direction: ScaleDirection.Right,
      range: () => [timeRange.from.valueOf(), timeRange.to.valueOf()],
    });
    builder.addScale({
      scaleKey: "y",
      orientation: ScaleOrientation.Vertical,
      direction: ScaleDirection.Up,
      range: () => [0, rows.length],
    });
    builder.addAxis({ scaleKey: "x", isTime: true, placement: AxisPlacement.Bottom, timeZone, theme });
    const every = Math.ceil(rows.length / (height / 22));
    const shown = rows.map((_, place) => place).filter((place) => place % every === 0);
    builder.addAxis({
      scaleKey: "y",
      placement: AxisPlacement.Left,
      theme,
      size: axisWidth,
      grid: { show: false },
      ticks: { show: false },
      splits: () => shown.map((place) => place + (edges ? 1 : 0.5)),
      values: () => shown.map((place) => rows[place].label),
    });
    builder.addSeries({
      scaleKey: "y",
      theme,
      pathBuilder: () => null,
      pointsBuilder: () => null,
      drawStyle: GraphDrawStyle.Line,
      showPoints: VisibilityMode.Never,
    });
    builder.addHook("draw", (plot) => {
      const { ctx } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
      ctx.clip();
      rows.forEach(({ colors }, row) => {
        const [low, high] = [plot.valToPos(row, "y", true), plot.valToPos(row + 1, "y", true)];
        colors.forEach((color, place) => {
          if (color) {
            const left = Math.round(plot.valToPos(times[place], "x", true)) + space;
            const right = Math.round(plot.valToPos(times[place] + step, "x", true));
            const inset = gap * (low - high);
            ctx.fillStyle = color;
            ctx.fillRect(left, high + inset, Math.max(right - left, 1), low - high - 2 * inset);
          }
        });
      });
      ctx.restore();
    });
    return builder;
  }, [times, rows, timeRange, timeZone, width, height]);
  return <UPlotChart width={width} height={height} config={config} data={[times, times.map(() => null)]} timeRange={timeRange} />;
}
