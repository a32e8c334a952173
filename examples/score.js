// Asks a service for a score and adds it to the event. `headgate run --mock replies.json` answers in its place.

async function onTrack(event, settings) {
  const response = await fetch(`https://scores.example/v1/users/${event.userId ?? 'nobody'}`, {
    headers: { Authorization: `Bearer ${settings.apiKey}` },
  });
  if (response.status === 404) return event; // a user without a score
  if (response.status === 429 || response.status >= 500) {
    throw new RetryError(`the score service answered ${response.status}`); // the event is tried again later
  }
  if (!response.ok) throw new Error(`the score service answered ${response.status}`);
  const { score } = await response.json();
  event.properties.score = score;
  return event;
}

// Other events pass as they are.
const pass = async (event) => event;
const onIdentify = pass, onPage = pass, onScreen = pass, onGroup = pass, onAlias = pass, onDelete = pass;
