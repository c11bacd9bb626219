"""From a finished request to a verdict: record, merge, write, judge, report."""
