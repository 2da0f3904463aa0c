// Our own line icons on a 24 by 24 grid; of two paths the second is filled.

const PATHS = {
  mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11a6 6 0 0 0 12 0M12 17v4M9 21h6',
  micOff: 'M15 10.500V6a3 3 0 0 0-5.600-1.500M9 9v2a3 3 0 0 0 4.600 2.500M6 11a6 6 0 0 0 9.500 4.900M18 11a6 6 0 0 1-.5 2.400M12 17v4M9 21h6M4 3l16 18',
  cam: 'M5 6h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2zM15 11l6-3.500v9L15 13',
  camOff: 'M9.500 6H13a2 2 0 0 1 2 2v3l6-3.500v9l-3.500-2M15 15.500V16a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2M4 3l16 18',
  screen: 'M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM8 21h8M12 14V8.500M9 11l3-3 3 3',
  chat: 'M5 5h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zM8 10h8M8 13h5',
  people: 'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-3.500 2.900-6 6.500-6s6.500 2.500 6.500 6M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.500c2.100.8 3.500 2.800 3.500 5.500',
  devices: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM9 19.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z',
  leave: 'M3.500 14.500c-.6-1-.7-2.300 0-3.200C5.500 9 8.600 7.500 12 7.500s6.500 1.500 8.500 3.800c.7.9.6 2.200 0 3.200-.4.700-1.300.9-2 .6l-2.600-1.200a1.500 1.500 0 0 1-.9-1.400v-1.200a9.500 9.500 0 0 0-6 0v1.200c0 .6-.4 1.200-.9 1.400l-2.600 1.200c-.7.3-1.600.1-2-.6z',
  file: 'M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8zM14 3v5h5',
  clip: 'M20 11.500l-8.300 8.300a5 5 0 0 1-7.100-7.100l8.600-8.600a3.400 3.400 0 0 1 4.800 4.800l-8.600 8.600a1.700 1.700 0 0 1-2.400-2.400l7.900-7.900',
  send: 'M4 12l16-8-5.500 16-3-6.500zM11.500 13.500L20 4',
  close: 'M6 6l12 12M18 6L6 18',
  pin: 'M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v6',
  link: 'M10 14a4 4 0 0 0 5.700 0l3.600-3.600a4 4 0 0 0-5.700-5.700L12 6.300M14 10a4 4 0 0 0-5.700 0l-3.600 3.600a4 4 0 0 0 5.700 5.700l1.600-1.600',
  download: 'M12 4v11M7.500 11l4.500 4.500 4.500-4.500M5 20h14',
  door: 'M13 4H6v16h7M10 12h11M17.500 8.500L21 12l-3.500 3.500',
  record: ['M12 3.500a8.500 8.500 0 1 1 0 17 8.500 8.500 0 0 1 0-17z', 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8z'],
  recordStop: ['M12 3.500a8.500 8.500 0 1 1 0 17 8.500 8.500 0 0 1 0-17z', 'M9 8.500h6a.5.5 0 0 1 .5.5v6a.5.5 0 0 1-.5.5H9a.5.5 0 0 1-.5-.5V9a.5.5 0 0 1 .5-.5z'],
  program: 'M5 4.500h14a1.500 1.500 0 0 1 1.500 1.500v12a1.500 1.500 0 0 1-1.500 1.500H5A1.500 1.500 0 0 1 3.500 18V6A1.500 1.500 0 0 1 5 4.500zM7.500 9l3 3-3 3M13 15h3.500',
  film: 'M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM10 9v6l5-3z',
  numbers: 'M5 20v-6M10 20V9M15 20v-8M20 20V4',
  full: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
};

const SVG = 'http://www.w3.org/2000/svg';

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('focusable', 'false');
  [PATHS[name]].flat().forEach((d, i) => {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    if (i) path.setAttribute('class', 'filled');
    svg.append(path);
  });
  return svg;
}

export function logo() {
  const img = document.createElement('img');
  img.src = 'favicon.svg';
  img.alt = '';
  img.className = 'logo';
  return img;
}
