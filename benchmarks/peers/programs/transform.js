// What every server that runs JavaScript itself does with a request, below the function, its settings and DropEvent:
// an event's text to its output's, null for a dropped one; an array's to an array with null for those.
async function one(event) {
  try {
    return JSON.stringify(await onTrack(event, settings));
  } catch (error) {
    if (error instanceof DropEvent) return null;
    throw error;
  }
}

async function answer(text) {
  const given = JSON.parse(text);
  if (!Array.isArray(given)) return one(given);
  const outputs = [];
  for (const event of given) outputs.push((await one(event)) ?? "null");
  return `[${outputs.join(",")}]`;
}
