using System.Globalization;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Qualifications;

/// <summary>
/// Reminds holders before a qualification ends, and ends it by its date or by disuse. Each row says when it must be looked at next; a look reads the uses since
/// the one before and moves that time on, so that looking twice, late or from two servers tells nobody anything twice.
/// </summary>
public sealed class QualificationLapse(CalendarDatabase database, Catalogue.Catalogue catalogue, Notices.Notices notices, MachineClock clock, ILogger<QualificationLapse> log) : ISweep
{
    private const int AtATime = 500;

    /// <inheritdoc/>
    public string Name => "qualification-lapse";

    /// <inheritdoc/>
    public async Task RunAsync(CancellationToken cancel)
    {
        var due = await database.ReadAsync(tx => QualificationStore.DueAsync(tx, Micros.FromInstant(clock.Now), AtATime, cancel), cancel);
        await due.EachAsync(name => database.WriteAsync(tx => LookAsync(tx, name, cancel), cancel), name => name, log, cancel);
    }

    /// <summary>When the sweep must look at it first: a reminder, or its end; null when it has no end in sight.</summary>
    internal static long? FirstLook(Qualification granted, Instant now) => granted.Lapses is { } lapses ? Micros.FromInstant(Reminders.Next(now, lapses)) : null;

    // The row keeps that it was told, for the record of the qualification; the notice tells it.
    private async Task TellAsync(CalendarTransaction tx, QualificationRow row, string kind, Instant lapses, long nowUs, CancellationToken cancel)
    {
        await QualificationStore.NoticeAsync(tx, row, kind, Micros.FromInstant(lapses), nowUs, cancel);
        var what = $"for {row.Granted.RigKind}{(row.Granted.Lab.Length > 0 ? $" at {row.Granted.Lab}" : "")}";
        var (title, text) = kind == "lapsed"
            ? ($"Your qualification {what} has lapsed", $"Your qualification {what} lapsed {Sentences.Of(lapses)}. Bookings that need it are refused, and runs of bookings you have do not start. Ask an instructor to grant it anew.")
            : ($"Your qualification {what} lapses soon", $"Your qualification {what} lapses {Sentences.Of(lapses)}. {(row.LapsesByDisuse ? "A run on such a rig before then keeps it, if it lapses by disuse. " : "")}Ask an instructor in time.");
        await notices.TellAsync(tx, new Notices.NewNotice(row.Granted.Person, "qualification", row.Name, title, $"{text}\n\n{row.Name}\n", $"qualification|{row.Name}|{kind}|{Micros.FromInstant(lapses)}"), cancel);
    }

    private async Task LookAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var now = clock.Now;
        if (await QualificationStore.FindAsync(tx, name, cancel) is not { EndedUs: null, DueUs: { } due } row || Micros.ToInstant(due) > now) return;
        var known = await Qualifications.KnownAsync(tx, row, await catalogue.GetAsync(cancel), cancel);
        var lastUse = known.LastUse is { } used ? Micros.FromInstant(used) : (long?)null;
        if (known.Lapses is not { } lapses)
        {
            // It had to be used once, and was.
            await QualificationStore.LookedAsync(tx, name, lastUse, null, null, cancel);
            return;
        }
        var (lapseUs, nowUs) = (Micros.FromInstant(lapses), Micros.FromInstant(now));
        if (lapses <= now)
        {
            await TellAsync(tx, row, "lapsed", lapses, nowUs, cancel);
            await QualificationStore.LookedAsync(tx, name, lastUse, null, lapseUs, cancel);
            return;
        }
        if (Reminders.Due(now, known.ValidFrom, lapses) is { } days)
            await TellAsync(tx, row, "lapses-in-" + days.ToString(CultureInfo.InvariantCulture) + "-days", lapses, nowUs, cancel);
        await QualificationStore.LookedAsync(tx, name, lastUse, Micros.FromInstant(Reminders.Next(now, lapses)), null, cancel);
    }
}
