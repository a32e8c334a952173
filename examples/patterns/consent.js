// Drop what people have not agreed to, and do not tell the destination what else they agreed to.

async function consent(event, settings) {
  const preferences = event.context?.consent?.categoryPreferences;
  if (!preferences) {
    if (event.type === 'group') return event; // about a company, not a person
    throw new DropEvent('consent was never asked for');
  }
  if (preferences[settings.consentCategory] !== true) {
    throw new DropEvent(`no consent to ${settings.consentCategory}`);
  }
  delete event.context.consent;
  return event;
}

const onIdentify = consent;
const onTrack = consent;
const onPage = consent;
const onScreen = consent;
const onGroup = consent;
const onAlias = consent;

async function onDelete(event) {
  return event; // nobody can refuse to be forgotten
}
