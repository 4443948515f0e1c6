"""The figures of the report, a module each, in the one style of `hearlog.figures.style`."""
