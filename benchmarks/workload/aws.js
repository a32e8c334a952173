const s3 = new AWS.S3({ region: 'eu-west-1', accessKeyId: 'AKID', secretAccessKey: 'SECRET', signatureVersion: 'v4' });

function onTrack(event) {
  event.properties.url = s3.getSignedUrl('getObject', { Bucket: 'events', Key: event.messageId });
  return event;
}
