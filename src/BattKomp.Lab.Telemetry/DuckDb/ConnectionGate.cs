using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>
/// Hands out connections to the one database file. DuckDB gives up a database whose disk was full until every connection to
/// it is closed: the gate shuts, readers finish (each is short), and only then is the file opened again.
/// </summary>
internal sealed class ConnectionGate(DuckDbOptions options)
{
    private static readonly TimeSpan ReaderPatience = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _noReaders = new(true);
    private int _readers;
    private volatile bool _open;
    private volatile Exception? _cause;

    private string ConnectionString => $"DataSource={options.Path};memory_limit={options.MemoryLimit};checkpoint_threshold={options.CheckpointThreshold};threads={options.Threads}";

    /// <summary>True while reads and writes are let through.</summary>
    public bool Open => _open;

    /// <summary>Opens the writer's connection, waiting for readers of a lost database to leave.</summary>
    public DuckDBConnection OpenWriter()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(options.Path)!);
        if (!_open && !_noReaders.Wait(ReaderPatience)) throw new IOException("readers still hold the lost database");
        var connection = new DuckDBConnection(ConnectionString);
        try
        {
            connection.Open();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Lets reads and writes through.</summary>
    public void Release()
    {
        _cause = null;
        _open = true;
    }

    /// <summary>Lets nothing through until <see cref="Release"/>.</summary>
    public void Shut(Exception? cause)
    {
        if (cause is not null) _cause = cause;
        _open = false;
    }

    /// <summary>What callers get while the gate is shut.</summary>
    public StoreUnavailableException Unavailable() =>
        new("the telemetry store cannot take writes now (disk full or not reachable); nothing was stored, send again later", _cause);

    /// <summary>Runs <paramref name="read"/> on a connection of its own, off the calling thread.</summary>
    public Task<T> ReadAsync<T>(Func<DuckDBConnection, T> read, CancellationToken cancellation) => Task.Run(() =>
    {
        Enter();
        try
        {
            using var connection = new DuckDBConnection(ConnectionString);
            connection.Open();
            return read(connection);
        }
        catch (DuckDBException e) when (!_open || e.ErrorType == DuckDB.NET.Native.DuckDBErrorType.Fatal)
        {
            throw new StoreUnavailableException("the telemetry store is being reopened", e);
        }
        finally
        {
            Leave();
        }
    }, cancellation);

    private void Enter()
    {
        lock (_lock)
        {
            if (!_open) throw Unavailable();
            if (_readers++ == 0) _noReaders.Reset();
        }
    }

    private void Leave()
    {
        lock (_lock)
            if (--_readers == 0) _noReaders.Set();
    }
}
