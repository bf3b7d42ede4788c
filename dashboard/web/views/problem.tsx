/** What could not be read or written; read out when it comes. The element stays, so that screen readers follow it. */
export const Problem = ({ text }: { readonly text: string | undefined }) => (
  <p class="problem" role="alert" data-shown={text !== undefined}>
    {text}
  </p>
)
