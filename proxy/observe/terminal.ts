/** Whether a stream is a terminal that obeys escape sequences; a file, a pipe or a dumb terminal shows them as text. */
type Output = Pick<NodeJS.WriteStream, 'isTTY'>;
type Environment = Readonly<Record<string, string | undefined>>;

export function obeysEscapes(output: Output, { TERM }: Environment): boolean {
  return output.isTTY === true && TERM !== 'dumb';
}

/** https://no-color.org: any value of NO_COLOR but the empty one turns colour off. */
export function hasColour(output: Output, env: Environment): boolean {
  return obeysEscapes(output, env) && !env.NO_COLOR;
}
