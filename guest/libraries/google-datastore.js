import "./google-proto-files.js";
import * as datastore from "@google-cloud/datastore";

export default datastore;
