// Preloaded before tsx into the processes of the planted bugs' spec: a process whose environment names edits of the source
// runs with them. Plain JavaScript, since nothing compiles TypeScript yet when it runs. Nothing that is built or deployed
// knows of it.

import { register } from "node:module";

const edits = JSON.parse(process.env.PLANTED_BUG || "[]");
if (edits.length > 0) register("./load-hook.js", import.meta.url, { data: edits });
