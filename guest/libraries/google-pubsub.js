import * as pubsub from "@google-cloud/pubsub";

export default pubsub;
