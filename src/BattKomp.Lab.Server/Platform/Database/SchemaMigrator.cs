using System.Reflection;

namespace BattKomp.Lab.Server.Platform.Database;

/// <summary>
/// Applies the numbered schema files of the dialect that the database has not seen, in order, each in one transaction.
/// Files stand in Platform/Database/Schema/{dialect}/NNNN_what.sql: 0001… platform and catalogue, 0100… bookings,
/// 0200… runs, 0300… datasets. A file once released is never edited.
/// </summary>
public static class SchemaMigrator
{
    /// <summary>Brings the database to this version's schema; safe to run from several processes at once.</summary>
    public static async Task MigrateAsync(CalendarDatabase database, CancellationToken cancel)
    {
        await database.WriteAsync(tx => EnsureTableAsync(tx, cancel), cancel);
        foreach (var (number, resource) in Files(database.Dialect))
            await database.WriteAsync(tx => ApplyAsync(tx, number, resource, cancel), cancel);
    }

    private static async Task EnsureTableAsync(CalendarTransaction tx, CancellationToken cancel)
    {
        await LockAsync(tx, cancel);
        await tx.ExecuteAsync("CREATE TABLE IF NOT EXISTS schema_files (number INTEGER PRIMARY KEY, name TEXT NOT NULL)", cancel);
    }

    private static async Task ApplyAsync(CalendarTransaction tx, int number, string resource, CancellationToken cancel)
    {
        await LockAsync(tx, cancel);
        var known = await tx.QueryAsync("SELECT number FROM schema_files WHERE number = @n", r => r.GetInt32(0), cancel, ("n", number));
        if (known.Count > 0) return;
        using var stream = typeof(SchemaMigrator).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        await tx.ExecuteAsync(await reader.ReadToEndAsync(cancel), cancel);
        await tx.ExecuteAsync("INSERT INTO schema_files (number, name) VALUES (@n, @name)", cancel, ("n", number), ("name", Path.GetFileName(resource)));
    }

    // Two servers that start together must not both create a table.
    private static Task LockAsync(CalendarTransaction tx, CancellationToken cancel) => tx.Dialect == "postgres"
        ? tx.ExecuteAsync("SELECT pg_advisory_xact_lock(5071)", cancel)
        : Task.CompletedTask;

    private static IEnumerable<(int Number, string Resource)> Files(string dialect)
    {
        var prefix = $"Schema/{dialect}/";
        return Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Select(n => n.Replace('\\', '/'))
            .Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
            .Select(n => (int.Parse(n[prefix.Length..(prefix.Length + 4)]), n))
            .OrderBy(f => f.Item1);
    }
}
