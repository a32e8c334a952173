import * as functions from "@google-cloud/functions";

export default functions;
