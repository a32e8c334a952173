// By require: it gives the function that is a namespace, too, as hosted functions know it.
export default { libphonenumberjs: require("libphonenumber-js") };
