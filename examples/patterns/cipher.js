// Encrypt fields for one destination, decrypt them for another: AES-256-GCM, and settings which say what to do to which
// fields. The name of the field is authenticated with its text, so that nobody can move one into the place of another.

async function cipher(event, { action, key, fields }) {
  const secret = Buffer.from(key, 'base64');
  for (const path of fields) {
    const text = _.get(event, path);
    if (typeof text === 'string') _.set(event, path, action === 'encrypt' ? encrypt(text, path, secret) : decrypt(text, path, secret));
  }
  return event;
}

function encrypt(text, path, secret) {
  const iv = crypto.randomBytes(12); // never the same one twice
  const sealing = crypto.createCipheriv('aes-256-gcm', secret, iv).setAAD(Buffer.from(path));
  const sealed = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
  return Buffer.concat([iv, sealing.getAuthTag(), sealed]).toString('base64');
}

function decrypt(text, path, secret) {
  const bytes = Buffer.from(text, 'base64');
  try {
    const opening = crypto.createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, 12)).setAAD(Buffer.from(path));
    opening.setAuthTag(bytes.subarray(12, 28));
    return Buffer.concat([opening.update(bytes.subarray(28)), opening.final()]).toString('utf8');
  } catch {
    throw new InvalidEventPayload(`${path} was not encrypted with this key, or was changed`);
  }
}

const onIdentify = cipher;
const onTrack = cipher;
const onPage = cipher;
const onGroup = cipher;
