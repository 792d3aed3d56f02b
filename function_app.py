"""The functions of one app: registers the blueprints of its role, and sets up the process; nothing else.

With unusable settings only a timer is registered that reports them, so that a broken app still shouts.
"""

from __future__ import annotations

import azure.functions as func

from functions.registration import blueprints
from shared.allocator import keep_no_large_blocks

keep_no_large_blocks()
app = func.FunctionApp()
for blueprint in blueprints():
    app.register_functions(blueprint)
