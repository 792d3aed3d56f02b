"""The Bicep files of `infra/`, expanded and judged without a compiler.

`syntax` reads a file, `evaluate` expands a deployment with given parameters into resources, `checks` judges them
against the code, the published types, `docs/security.md` and the rules of `policy`; `mutants` proves the checks.
"""
