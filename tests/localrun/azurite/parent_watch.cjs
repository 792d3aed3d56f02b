// Loaded before Azurite: ends it when the process that started it is gone (end-of-file on standard input).
"use strict";
if (process.env.HOLDFAST_LOCALRUN_WATCH_STDIN === "1") {
  process.stdin.resume();
  process.stdin.unref(); // it must not keep a finished Azurite running
  const leave = () => {
    process.kill(process.pid, "SIGTERM"); // lets it write its database
    setTimeout(() => process.exit(1), 5000).unref();
  };
  process.stdin.on("end", leave);
  process.stdin.on("error", leave);
}
