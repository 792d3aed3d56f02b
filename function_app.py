"""The functions of one app: registers the blueprints of its role, nothing else.

With unusable settings only a timer is registered that reports them, so that a broken app still shouts.
"""

from __future__ import annotations

import azure.functions as func

from functions.registration import blueprints

app = func.FunctionApp()
for blueprint in blueprints():
    app.register_functions(blueprint)
