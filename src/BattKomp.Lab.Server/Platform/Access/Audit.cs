using BattKomp.Lab.Server.Platform.Database;

namespace BattKomp.Lab.Server.Platform.Access;

/// <summary>The account of who decided what and why; written in the transaction of the decision, never edited.</summary>
public sealed class Audit(MachineClock clock)
{
    /// <summary>Notes one decision.</summary>
    public Task WriteAsync(CalendarTransaction tx, string subject, string action, string resource, string reason, string detail, CancellationToken cancel) =>
        tx.ExecuteAsync("INSERT INTO audit (id, at_us, subject, action, resource, reason, detail) VALUES (@id, @at, @s, @a, @r, @why, @d)", cancel,
            ("id", Guid.CreateVersion7().ToString("N")), ("at", Micros.FromInstant(clock.Now)), ("s", subject), ("a", action), ("r", resource), ("why", reason), ("d", detail));
}
