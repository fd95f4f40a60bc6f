using System.Data.Common;

namespace BattKomp.Lab.Server.Platform.Database;

/// <summary>
/// The calendar database: SQLite (embedded default) or PostgreSQL, under one contract. Instants are BIGINT microseconds,
/// flags are INTEGER 0/1, parameters are written <c>@name</c>; statements that differ stand in dialect-specific stores.
/// </summary>
public abstract class CalendarDatabase : IAsyncDisposable
{
    /// <summary>"sqlite" or "postgres": also the schema folder.</summary>
    public abstract string Dialect { get; }

    /// <summary>
    /// Runs <paramref name="work"/> in one write transaction and commits it. SQLite: one writer at a time in this process,
    /// BEGIN IMMEDIATE. PostgreSQL: retried up to three times on deadlock (40P01) and serialisation failure (40001), so
    /// <paramref name="work"/> must have no effect outside the transaction.
    /// </summary>
    public abstract Task<T> WriteAsync<T>(Func<CalendarTransaction, Task<T>> work, CancellationToken cancel);

    private long _committed;

    /// <summary>Counts the transactions that this process has committed: what is kept in memory is older than this says or it is not.</summary>
    public long Committed => Interlocked.Read(ref _committed);

    /// <summary>Called after each commit.</summary>
    protected void NoteCommitted() => Interlocked.Increment(ref _committed);

    /// <summary>Runs <paramref name="work"/> on a connection that does not write.</summary>
    public abstract Task<T> ReadAsync<T>(Func<CalendarTransaction, Task<T>> work, CancellationToken cancel);

    /// <summary>Runs <paramref name="work"/> in one write transaction.</summary>
    public Task WriteAsync(Func<CalendarTransaction, Task> work, CancellationToken cancel) =>
        WriteAsync(async tx => { await work(tx); return true; }, cancel);

    /// <summary>Brings the schema to this version's; see <see cref="SchemaMigrator"/>.</summary>
    public Task MigrateAsync(CancellationToken cancel) => SchemaMigrator.MigrateAsync(this, cancel);

    /// <summary>Readies the database file or server for use (creates the file, sets its modes).</summary>
    public virtual Task OpenAsync(CancellationToken cancel) => Task.CompletedTask;

    /// <summary>
    /// Waits until no other server is starting on this database; disposing the result lets the next one. What a start does first
    /// (schema of the calendar and of the job store, seed, triggers) is written as if it were alone.
    /// </summary>
    public virtual Task<IAsyncDisposable?> StartTurnAsync(CancellationToken cancel) => Task.FromResult<IAsyncDisposable?>(null);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}

/// <summary>A connection inside a transaction (or a read), with short helpers over plain SQL.</summary>
public sealed class CalendarTransaction(string dialect, DbConnection connection, DbTransaction? transaction)
{
    /// <summary>"sqlite" or "postgres".</summary>
    public string Dialect { get; } = dialect;

    /// <summary>The open connection, for statements in batches.</summary>
    public DbConnection Connection { get; } = connection;

    /// <summary>The transaction; null on a plain read.</summary>
    public DbTransaction? Transaction { get; } = transaction;

    /// <summary>Runs a statement; returns the number of rows it touched.</summary>
    public async Task<int> ExecuteAsync(string sql, CancellationToken cancel, params (string Name, object? Value)[] parameters)
    {
        await using var command = Command(sql, parameters);
        return await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Runs a query and maps every row.</summary>
    public async Task<List<T>> QueryAsync<T>(string sql, Func<DbDataReader, T> map, CancellationToken cancel, params (string Name, object? Value)[] parameters)
    {
        await using var command = Command(sql, parameters);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancel)) rows.Add(map(reader));
        return rows;
    }

    /// <summary>A command on this transaction with its parameters bound; null becomes SQL NULL.</summary>
    public DbCommand Command(string sql, params (string Name, object? Value)[] parameters)
    {
        var command = Connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = Transaction;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
        return command;
    }
}
