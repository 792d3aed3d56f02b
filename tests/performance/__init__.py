"""Speed, memory and request counts as ratios: `make bench`. Not a timed test; see docs/performance.md."""
