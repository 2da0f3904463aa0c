import './style/main.css';
import { App } from './app.js';
import { expose } from './testing.js';

const app = new App(document.getElementById('app'));
expose(app);
app.start();
