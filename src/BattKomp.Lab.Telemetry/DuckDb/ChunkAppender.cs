using System.Text;
using DuckDB.NET.Data;
using DuckDB.NET.Native;
using NativeAppender = DuckDB.NET.Native.DuckDBAppender;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>
/// Fills DuckDB data chunks column by column and hands them to an appender: a block's column is one memory copy, and small
/// blocks of many streams share a chunk. Rows become part of the connection's open transaction at <see cref="Flush"/>.
/// </summary>
internal sealed unsafe class ChunkAppender : IDisposable
{
    private const int Capacity = 2048;
    private readonly NativeAppender _appender;
    private readonly DuckDBDataChunk _chunk;
    private readonly nint[] _vectors;
    private int _rows;
    private bool _dirty;

    public ChunkAppender(DuckDBConnection connection, string table)
    {
        if (NativeMethods.Appender.DuckDBAppenderCreate(connection.NativeConnection, "main", table, out _appender) == DuckDBState.Error)
            throw Failure("open");
        var count = NativeMethods.Appender.DuckDBAppenderColumnCount(_appender);
        var types = new DuckDBLogicalType[count];
        for (ulong k = 0; k < count; k++) types[k] = NativeMethods.Appender.DuckDBAppenderColumnType(_appender, k);
        _chunk = NativeMethods.DataChunks.DuckDBCreateDataChunk([.. types.Select(t => t.DangerousGetHandle())], count);
        foreach (var type in types) type.Dispose();
        _vectors = new nint[count];
        FetchVectors();
    }

    /// <summary>Rows that still fit into the current chunk; at least 1.</summary>
    public int Room => Capacity - _rows;

    /// <summary>The next <paramref name="count"/> cells of a fixed-width column, to be filled before <see cref="Advance"/>.</summary>
    public Span<T> Cells<T>(int column, int count) where T : unmanaged =>
        new((T*)NativeMethods.Vectors.DuckDBVectorGetData(_vectors[column]) + _rows, count);

    /// <summary>Sets one text cell, <paramref name="offset"/> rows after the current one.</summary>
    public void SetText(int column, int offset, byte[] utf8)
    {
        fixed (byte* bytes = utf8)
        {
            byte none = 0;
            NativeMethods.Vectors.DuckDBVectorAssignStringElementLength(_vectors[column], (ulong)(_rows + offset), utf8.Length == 0 ? &none : bytes, utf8.Length);
        }
    }

    /// <summary>Completes <paramref name="count"/> rows whose cells are all filled.</summary>
    public void Advance(int count)
    {
        _rows += count;
        _dirty = true;
        if (_rows == Capacity) EmitChunk();
    }

    /// <summary>Makes every completed row part of the open transaction.</summary>
    public void Flush()
    {
        if (!_dirty) return;
        if (_rows > 0) EmitChunk();
        if (NativeMethods.Appender.DuckDBAppenderFlush(_appender) == DuckDBState.Error) throw Failure("flush");
        _dirty = false;
    }

    public void Dispose()
    {
        // Destroying an appender flushes what it holds; rows of a failed transaction must not slip into the next.
        NativeMethods.Appender.DuckDBAppenderClear(_appender);
        _chunk.Dispose();
        _appender.Dispose();
    }

    private void EmitChunk()
    {
        NativeMethods.DataChunks.DuckDBDataChunkSetSize(_chunk, (ulong)_rows);
        if (NativeMethods.Appender.DuckDBAppendDataChunk(_appender, _chunk) == DuckDBState.Error) throw Failure("append");
        NativeMethods.DataChunks.DuckDBDataChunkReset(_chunk);
        FetchVectors();
        _rows = 0;
    }

    private void FetchVectors()
    {
        for (var k = 0; k < _vectors.Length; k++)
            _vectors[k] = NativeMethods.DataChunks.DuckDBDataChunkGetVector(_chunk, k);
    }

    private AppendFailedException Failure(string doing)
    {
        using var error = NativeMethods.Appender.DuckDBAppenderErrorData(_appender);
        return new AppendFailedException($"DuckDB could not {doing} rows: {NativeMethods.ErrorData.DuckDBErrorDataMessage(error)}");
    }
}

/// <summary>An appender refused rows.</summary>
internal sealed class AppendFailedException(string message) : Exception(message);

/// <summary>Text to the bytes that DuckDB stores.</summary>
internal static class Utf8
{
    public static byte[][] Encode(string[] texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];
}
