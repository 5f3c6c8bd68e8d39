"""The evaluation harness: data sets, tasks and the runner that turns a model into a report."""
