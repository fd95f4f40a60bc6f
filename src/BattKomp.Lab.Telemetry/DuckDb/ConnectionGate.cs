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

    private DuckDBConnection? _root;

    // The file is attached to an in-memory instance because only ATTACH takes a row group size; every other connection is a duplicate of this one.
    private string Instance => $"DataSource=:memory:;memory_limit={options.MemoryLimit};checkpoint_threshold={options.CheckpointThreshold};threads={options.Threads}";

    /// <summary>True while reads and writes are let through.</summary>
    public bool Open => _open;

    /// <summary>Opens the writer's connection, waiting for readers of a lost database to leave.</summary>
    public DuckDBConnection OpenWriter()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(options.Path)!);
        if (!_open && !_noReaders.Wait(ReaderPatience)) throw new IOException("readers still hold the lost database");
        if (!_open) Detach();
        _root ??= Attach();
        return Join(_root);
    }

    /// <summary>Closes the file for good, once running reads have left.</summary>
    public void Close()
    {
        Shut(null);
        _noReaders.Wait(ReaderPatience);
        Detach();
    }

    private void Detach()
    {
        _root?.Dispose();
        _root = null;
    }

    private DuckDBConnection Attach()
    {
        var root = new DuckDBConnection(Instance);
        try
        {
            root.Open();
            var path = options.Path.Replace("'", "''", StringComparison.Ordinal);
            // Large sorts spill here; an in-memory instance would spill into whatever folder the server was started in.
            root.Execute($"SET temp_directory = '{path}.tmp'");
            root.Execute($"ATTACH '{path}' AS lab (ROW_GROUP_SIZE {options.RowGroup})");
            return root;
        }
        catch
        {
            root.Dispose();
            throw;
        }
    }

    private static DuckDBConnection Join(DuckDBConnection root)
    {
        var connection = root.Duplicate();
        try
        {
            if (connection.State != System.Data.ConnectionState.Open) connection.Open();
            connection.Execute("USE lab");
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

    /// <summary>
    /// Runs <paramref name="read"/> on a connection of its own, off the calling thread, in one transaction: all of its statements see
    /// the same moment, so that a stream opened between two of them is in both or in neither.
    /// </summary>
    public Task<T> ReadAsync<T>(Func<DuckDBConnection, T> read, CancellationToken cancellation) => Task.Run(() =>
    {
        Enter();
        try
        {
            using var connection = Join(_root ?? throw Unavailable());
            using var moment = connection.BeginTransaction();
            var answer = read(connection);
            moment.Commit();
            return answer;
        }
        // A lost database shows itself to a reader in many ways (invalidated, a dead handle, half a result): while the gate is shut all mean the same.
        catch (Exception e) when (e is not OperationCanceledException && (!_open || e is DuckDBException { ErrorType: DuckDB.NET.Native.DuckDBErrorType.Fatal }))
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
