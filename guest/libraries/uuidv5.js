import uuidv5 from "uuidv5";

// Published functions write `uuidv5 = uuidv5.uuidv5` inside a handler, so from the second event on `.uuidv5` is read
// of the function itself (SPEC 2.7).
uuidv5.uuidv5 = uuidv5;

export default { uuidv5 };
