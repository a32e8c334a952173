// A filter in nested ifs: what is returned goes on, what returns nothing is dropped.

async function onTrack(event) {
  const { country, total } = event.properties;
  if (event.event === 'Order Completed') {
    if (country === 'US') {
      if (total >= 500) {
        event.properties.tier = 'large';
        return event;
      }
      return; // small orders are counted elsewhere
    } else if (country) {
      event.properties.tier = total >= 50 ? 'medium' : 'small';
      return event;
    } else {
      throw new DropEvent('an order from nowhere'); // dropped as well, and the reason is told
    }
  } else if (event.event.startsWith('Order ')) {
    return event;
  }
}

async function onIdentify(event) {
  return event;
}

async function onPage() {
  // Known, and not wanted: without a handler the event would count as discarded.
  throw new DropEvent('pages are not wanted');
}

const onGroup = onIdentify;
