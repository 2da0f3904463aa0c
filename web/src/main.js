import "./matrix.js"; import "./wire.js"; import "./call/conference.js"; import "./style/main.css";
