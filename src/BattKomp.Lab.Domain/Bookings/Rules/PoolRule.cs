using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings.Policies;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>What rigs share (seats, power, energy in the room) suffices at every moment. Told as one figure: not who takes it.</summary>
public sealed class PoolRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        foreach (var pool in facts.Pools)
        {
            var (most, when) = Pools.Peak(pool.Others, request.Window);
            if (most + pool.Draw <= pool.Term.Capacity) continue;
            var (have, wanted) = (Pools.Amount(pool.Term.Kind, Math.Max(0, pool.Term.Capacity - most)), Pools.Amount(pool.Term.Kind, pool.Draw));
            yield return new Violation("POOL_EXHAUSTED", "pool",
                $"{pool.Scope} has {Pools.Text(pool.Term)}, of which {have} are left {Sentences.Of(when)}; the booking takes {wanted}. Choose another time, or take less.")
            {
                Limit = Pools.Text(pool.Term),
                Actual = Pools.Amount(pool.Term.Kind, most + pool.Draw),
                OverridableBy = pool.Term.Kind == PoolKind.Seats ? Roles.LabManager : "",
                Resource = pool.Scope,
                Policy = pool.Scope,
            };
        }
    }
}
