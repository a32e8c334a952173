import * as storage from "@google-cloud/storage";

export default storage;
