// Mask personal data, and put tokens in the place of identifiers: the same person has the same token everywhere, and
// without the pepper nobody gets from a token to the person.

const EMAIL = /[\w.+-]+@([\w-]+\.[\w.-]*\w)/g;
const PHONE = /\+\d[\d ()/-]{6,}\d/g;

async function mask(event, settings) {
  if (event.userId) event.userId = token(event.userId, settings);
  if (event.context?.ip) event.context.ip = event.context.ip.replace(/\.\d+$/, '.0');
  for (const part of ['traits', 'properties']) {
    if (event[part]) event[part] = walk(event[part], settings);
  }
  return event;
}

function walk(value, settings, name = '') {
  if (typeof value === 'string') return maskText(value, settings, name);
  if (Array.isArray(value)) return value.map((each) => walk(each, settings, name));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, settings, key)]));
  }
  return value;
}

function maskText(text, settings, name) {
  if (name === 'email') return `${token(text.toLowerCase(), settings)}@${text.split('@')[1]}`;
  return text.replace(EMAIL, '***@$1').replace(PHONE, (number) => `***${number.replace(/\D/g, '').slice(-2)}`);
}

function token(text, { pepper }) {
  return crypto.createHmac('sha256', pepper).update(text).digest('hex').slice(0, 24);
}

const onIdentify = mask;
const onTrack = mask;
const onPage = mask;
const onGroup = mask;
