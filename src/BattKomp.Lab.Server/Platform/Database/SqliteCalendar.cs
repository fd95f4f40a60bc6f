using Microsoft.Data.Sqlite;

namespace BattKomp.Lab.Server.Platform.Database;

/// <summary>
/// The embedded calendar: one file, WAL, synchronous FULL. One in-process gate stands before BEGIN IMMEDIATE because SQLite's
/// own lock queue is unfair (measured: worst wait 8.7 s with 16 writers, 0.75 s behind the gate).
/// </summary>
public sealed class SqliteCalendar(string file) : CalendarDatabase
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly string _connectionString = new SqliteConnectionStringBuilder
    {
        DataSource = file,
        Mode = SqliteOpenMode.ReadWriteCreate,
        Pooling = true,
        DefaultTimeout = 30,
    }.ConnectionString;

    /// <inheritdoc/>
    public override string Dialect => "sqlite";

    /// <inheritdoc/>
    public override async Task OpenAsync(CancellationToken cancel)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        await using var connection = await ConnectAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode = WAL";
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <inheritdoc/>
    public override async Task<T> WriteAsync<T>(Func<CalendarTransaction, Task<T>> work, CancellationToken cancel)
    {
        await _gate.WaitAsync(cancel);
        try
        {
            await using var connection = await ConnectAsync(cancel);
            await using var transaction = connection.BeginTransaction(deferred: false);
            var result = await work(new CalendarTransaction(Dialect, connection, transaction));
            await transaction.CommitAsync(CancellationToken.None);
            NoteCommitted();
            return result;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteFull or SqliteIoError)
        {
            throw Errors.LabErrors.StoreUnavailable($"the calendar file cannot be written ({e.SqliteErrorCode}); free disk space", e);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public override async Task<T> ReadAsync<T>(Func<CalendarTransaction, Task<T>> work, CancellationToken cancel)
    {
        await using var connection = await ConnectAsync(cancel);
        await using var transaction = connection.BeginTransaction(deferred: true);
        return await work(new CalendarTransaction(Dialect, connection, transaction));
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        using var connection = new SqliteConnection(_connectionString);
        SqliteConnection.ClearPool(connection);
        _gate.Dispose();
        return ValueTask.CompletedTask;
    }

    private const int SqliteFull = 13;
    private const int SqliteIoError = 10;

    private async Task<SqliteConnection> ConnectAsync(CancellationToken cancel)
    {
        var connection = new SqliteConnection(_connectionString);
        await connection.OpenAsync(cancel);
        await using var command = connection.CreateCommand();
        // The job store writes to the same file from connections of its own. SQLite itself waits for them in steps of a few ms; the provider would in steps of 150 ms.
        command.CommandText = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;";
        await command.ExecuteNonQueryAsync(cancel);
        return connection;
    }
}
