// Retry what may pass: a service that is down (5xx), too busy (429) or out of reach. What the service refuses for good
// is discarded at once, for another attempt would end the same.

const PATIENCE_MS = 2000; // of the five seconds that the function has

async function onTrack(event, { apiKey }) {
  const query = new URLSearchParams({ user: event.userId ?? 'nobody' });
  const response = await request(`https://risk.example/v1/score?${query}`, { headers: { 'X-Api-Key': apiKey } });
  if (response.status === 429) {
    throw new RetryError(`too busy; free again in ${response.headers.get('retry-after') ?? 'some'} s`);
  }
  if (response.status >= 500) throw new RetryError(`the service answered ${response.status}`);
  if (!response.ok) throw new InvalidEventPayload(`refused: ${await response.text()}`);
  event.properties.risk = (await response.json()).risk;
  return event;
}

async function request(url, options) {
  try {
    return await fetch(url, { ...options, timeout: PATIENCE_MS });
  } catch (error) {
    throw new RetryError(`the service is out of reach: ${error.message}`);
  }
}

const pass = async (event) => event;
const onIdentify = pass;
const onPage = pass;
const onGroup = pass;
