// Changes source files as they are loaded. A file that no longer says what was to be changed ends the process, so that a bug
// can't be forgotten when the code moves on.

let edits = [];

export function initialize(data) {
  edits = data;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const ofFile = edits.filter(({ file }) => new URL(url).pathname.endsWith(`/${file}`));
  if (ofFile.length === 0) return loaded;
  return { ...loaded, source: ofFile.reduce(edited, String(loaded.source)) };
}

function edited(source, { file, from, to }) {
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${from}`);
  return parts.join(to);
}
