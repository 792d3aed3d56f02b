"""The lock-out guard: would a set of policies keep the break-glass accounts out?

Pure: facts in, findings out. `verdict.judge` is the way in; who gathers the facts (a file, a snapshot, the live
tenant, a plan) is no concern of it.
"""
