using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>One closure out of a file.</summary>
/// <param name="Uid">Its id in the file: coming again, it replaces itself.</param>
/// <param name="First">First closed day at the lab.</param>
/// <param name="Last">Last closed day.</param>
/// <param name="Why">Told to whoever is refused.</param>
/// <param name="Removed">The file takes it back; nothing else of it counts.</param>
public sealed record ImportedClosure(string Uid, LocalDate First, LocalDate Last, string Why, bool Removed);

/// <summary>Closures that came in files; the snapshot shows them among the lab's own.</summary>
internal static class ImportedClosures
{
    private static readonly LocalDatePattern Days = LocalDatePattern.Iso;

    internal static async Task<ILookup<string, Closure>> AllAsync(CalendarTransaction tx, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT lab, first_day, last_day, why FROM imported_closures ORDER BY lab, first_day, uid",
            r => (Lab: r.GetString(0), Closure: new Closure { FirstDay = Day(r.GetString(1)), LastDay = Day(r.GetString(2)), Why = r.GetString(3) }), cancel)).ToLookup(c => c.Lab, c => c.Closure);

    /// <summary>Puts them in, or out; returns how many of each really were.</summary>
    internal static async Task<(int Imported, int Removed)> PutAsync(CalendarTransaction tx, string lab, IEnumerable<ImportedClosure> closures, string by, long nowUs, CancellationToken cancel)
    {
        var (imported, removed) = (0, 0);
        foreach (var c in closures)
        {
            if (c.Removed)
                removed += await tx.ExecuteAsync("DELETE FROM imported_closures WHERE lab = @l AND uid = @u", cancel, ("l", lab), ("u", c.Uid));
            else
                imported += await tx.ExecuteAsync(
                    "INSERT INTO imported_closures (lab, uid, first_day, last_day, why, imported_by, imported_us) VALUES (@l, @u, @f, @t, @w, @by, @now) " +
                    "ON CONFLICT (lab, uid) DO UPDATE SET first_day = excluded.first_day, last_day = excluded.last_day, why = excluded.why, imported_by = excluded.imported_by, imported_us = excluded.imported_us",
                    cancel, ("l", lab), ("u", c.Uid), ("f", Days.Format(c.First)), ("t", Days.Format(c.Last)), ("w", c.Why), ("by", by), ("now", nowUs));
        }
        return (imported, removed);
    }

    private static Google.Type.Date Day(string text)
    {
        var day = Days.Parse(text).Value;
        return new Google.Type.Date { Year = day.Year, Month = day.Month, Day = day.Day };
    }
}
