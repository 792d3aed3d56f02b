"""The Bicep files of `infra/`, read and expanded without a compiler.

`syntax` reads a file, `evaluate` expands a deployment with given parameters into resources; `cases` are the
deployments that are looked at.
"""
