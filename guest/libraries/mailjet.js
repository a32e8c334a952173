import nodemailjet from "node-mailjet";

export default { nodemailjet };
