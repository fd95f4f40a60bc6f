using Npgsql;

namespace BattKomp.Lab.Server.Platform.Database;

/// <summary>The calendar on PostgreSQL 15 or newer, for more than one server process or many clients.</summary>
public sealed class PostgresCalendar(string connectionString) : CalendarDatabase
{
    private const int Attempts = 4;
    private readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(Prepared(connectionString).ConnectionString);

    /// <inheritdoc/>
    public override string Dialect => "postgres";

    /// <inheritdoc/>
    public override async Task<T> WriteAsync<T>(Func<CalendarTransaction, Task<T>> work, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(cancel);
                await using var transaction = await connection.BeginTransactionAsync(cancel);
                var result = await work(new CalendarTransaction(Dialect, connection, transaction));
                await transaction.CommitAsync(CancellationToken.None);
                NoteCommitted();
                return result;
            }
            catch (PostgresException e) when (attempt < Attempts && e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure)
            {
                // The other transaction went through; ours left nothing behind and may run again.
            }
            catch (NpgsqlException e) when (e is not PostgresException || e.SqlState is PostgresErrorCodes.DiskFull)
            {
                throw Errors.LabErrors.StoreUnavailable("the calendar database does not answer; check the PostgreSQL server", e);
            }
        }
    }

    /// <inheritdoc/>
    public override async Task<T> ReadAsync<T>(Func<CalendarTransaction, Task<T>> work, CancellationToken cancel)
    {
        try
        {
            await using var connection = await _source.OpenConnectionAsync(cancel);
            return await work(new CalendarTransaction(Dialect, connection, null));
        }
        catch (NpgsqlException e) when (e is not PostgresException)
        {
            throw Errors.LabErrors.StoreUnavailable("the calendar database does not answer; check the PostgreSQL server", e);
        }
    }

    /// <inheritdoc/>
    public override async Task<IAsyncDisposable?> StartTurnAsync(CancellationToken cancel)
    {
        // A connection of its own: the lock ends with it, also when this server dies on the way.
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        try
        {
            await connection.OpenAsync(cancel);
            await using var command = new NpgsqlCommand("SELECT pg_advisory_lock(5070)", connection) { CommandTimeout = 120 };
            await command.ExecuteNonQueryAsync(cancel);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => _source.DisposeAsync();

    // Statements are few and repeat for ever: parsed and planned once a connection, unless the settings say otherwise.
    private static NpgsqlConnectionStringBuilder Prepared(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        if (!settings.ContainsKey("Max Auto Prepare")) (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages) = (128, 2);
        // Nothing here outlives its transaction (no session settings, temporary tables or session locks), so there is nothing to reset.
        settings.NoResetOnClose = true;
        // The planner would otherwise plan statements with lists anew at every execution, at a multiple of what running them costs.
        if (string.IsNullOrEmpty(settings.Options)) settings.Options = "-c plan_cache_mode=force_generic_plan";
        return settings;
    }
}
