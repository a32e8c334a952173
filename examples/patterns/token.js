// Enrich by an API that wants a token: the token is fetched once and kept until shortly before it expires.

const LIFETIME_MS = 9 * 60 * 1000; // the service says ten minutes

async function enrich(event, settings) {
  if (!event.userId) return event;
  const token = await cache.load('token', LIFETIME_MS, () => login(settings));
  const response = await fetch(`https://crm.example/v2/customers/${encodeURIComponent(event.userId)}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  if (response.status === 401) {
    cache.delete('token'); // revoked before its time: the next attempt gets another
    throw new RetryError('the token was refused');
  }
  if (response.status === 404) return event; // not a customer yet
  if (!response.ok) throw new RetryError(`the customer service answered ${response.status}`);
  const { segment } = await response.json();
  event.context = { ...event.context, segment };
  return event;
}

async function login({ clientId, clientSecret }) {
  const response = await fetch('https://login.example/oauth/token', {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  // What is thrown here is not cached; it ends this event, and the next one tries again.
  if (!response.ok) throw new RetryError(`no token: ${response.status}`);
  return (await response.json()).access_token;
}

const onIdentify = enrich;
const onTrack = enrich;
const onPage = enrich;
const onGroup = enrich;
