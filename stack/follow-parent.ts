// Preloaded into every child process: asks it to stop when the process that started it is gone, even by `kill -9`, so that
// nothing is left running. The channel closes by itself; no message ever crosses it.

process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
