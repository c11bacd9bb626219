"""Issues that anybody reports, and the comments on them."""
