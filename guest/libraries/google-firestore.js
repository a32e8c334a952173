import * as firestore from "@google-cloud/firestore";

export default firestore;
