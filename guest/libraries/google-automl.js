import * as automl from "@google-cloud/automl";

export default automl;
