/** What a member of a group says of itself when it joins. */
export interface MemberClaim {
  readonly member: string
  /** Partitions that it works on now. */
  readonly owned: readonly number[]
  /** The generation of the group in which it was given them: of two claims on one partition, the younger holds. */
  readonly generation: number
}

/**
 * Shares partitions out, as evenly as their number allows and moving as few as possible. A partition that is to move is given
 * to nobody as long as its owner claims it: the owner finishes what is in flight, joins again without it, and then it is given
 * away. So no partition is ever two members' at a time, and one that stays is not disturbed.
 *
 * @param partitions how many there are
 * @returns the partitions of each member
 */
export function assign(members: readonly MemberClaim[], partitions: number): Map<string, number[]> {
  const owners = ownersOf(members, partitions)
  const ownedBy = (member: string) =>
    [...owners].filter(([, owner]) => owner === member).map(([partition]) => partition)
  // Who holds most keeps most: the larger shares go to those members first.
  const order = members
    .map(({ member }) => ({ member, owned: ownedBy(member).sort((a, b) => a - b) }))
    .sort((a, b) => b.owned.length - a.owned.length || (a.member < b.member ? -1 : 1))
  const least = Math.floor(partitions / Math.max(1, members.length))
  const larger = partitions - least * members.length
  const shares = new Map(order.map(({ member }, index) => [member, index < larger ? least + 1 : least]))
  const target = new Map(order.map(({ member, owned }) => [member, owned.slice(0, shares.get(member) ?? 0)]))
  const kept = new Set([...target.values()].flat())
  const free = Array.from({ length: partitions }, (_, partition) => partition).filter(
    (partition) => !kept.has(partition),
  )
  for (const [member, own] of target) own.push(...free.splice(0, (shares.get(member) ?? 0) - own.length))
  return new Map(
    members.map(({ member }) => [
      member,
      (target.get(member) ?? [])
        .filter((partition) => (owners.get(partition) ?? member) === member)
        .sort((a, b) => a - b),
    ]),
  )
}

function ownersOf(members: readonly MemberClaim[], partitions: number): Map<number, string> {
  const owners = new Map<number, MemberClaim>()
  const oldestFirst = [...members].sort((a, b) => a.generation - b.generation || (a.member < b.member ? 1 : -1))
  for (const claim of oldestFirst)
    for (const partition of claim.owned) if (partition < partitions) owners.set(partition, claim)
  return new Map([...owners].map(([partition, { member }]) => [partition, member]))
}
