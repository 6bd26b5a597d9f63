function arrayBuffer(this: Blob): Promise<ArrayBuffer> {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result as ArrayBuffer));
    reader.readAsArrayBuffer(this);
  });
}

async function text(this: Blob): Promise<string> {
  return new TextDecoder().decode(await arrayBuffer.call(this));
}

// What browsers' files can and jsdom's cannot.
Object.assign(Blob.prototype, { arrayBuffer, text });
