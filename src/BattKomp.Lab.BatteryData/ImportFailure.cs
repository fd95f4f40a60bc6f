using System.Text;

namespace BattKomp.Lab.BatteryData;

/// <summary>Why a file or table could not be used.</summary>
public enum ImportFailureCode
{
    /// <summary>No file at that path.</summary>
    NotFound,

    /// <summary>The file exists and cannot be opened or read.</summary>
    Unreadable,

    /// <summary>The file has no bytes or no records.</summary>
    Empty,

    /// <summary>The file is binary where text was expected.</summary>
    Binary,

    /// <summary>No known format has this content.</summary>
    UnknownFormat,

    /// <summary>The file ends before its content does.</summary>
    Truncated,

    /// <summary>A column that the format needs is not there.</summary>
    MissingColumn,

    /// <summary>Two columns of one name.</summary>
    DuplicateColumn,

    /// <summary>A row has more or fewer fields than its header.</summary>
    FieldCount,

    /// <summary>A field is not what its column holds.</summary>
    BadField,

    /// <summary>The file contradicts what was declared of it, or itself.</summary>
    Contradiction,

    /// <summary>An option is not usable.</summary>
    BadOption,
}

/// <summary>A typed refusal: where, what, and what would fix it. Nothing of the file is used.</summary>
/// <param name="Code">Kind of failure, stable.</param>
/// <param name="File">File name.</param>
/// <param name="Line">1-based line, where one is to blame.</param>
/// <param name="Column">1-based column (field number in the line), where one is to blame.</param>
/// <param name="Field">Header or name of the field.</param>
/// <param name="Message">What is wrong, one sentence.</param>
/// <param name="Remedy">What to do about it, one sentence.</param>
public sealed record ImportFailure(
    ImportFailureCode Code, string File, long? Line, int? Column, string? Field, string Message, string Remedy)
{
    /// <summary>One line for people: place, cause, remedy.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(File);
        if (Line is { } line) text.Append(", line ").Append(line);
        if (Column is { } column) text.Append(", column ").Append(column);
        if (Field is { } field) text.Append(" (").Append(field).Append(')');
        return text.Append(": ").Append(Message).Append(' ').Append(Remedy).ToString();
    }
}

/// <summary>Thrown where a caller asked for records and there are none to be had; <see cref="Failure"/> says why.</summary>
public sealed class BatteryDataException(ImportFailure failure, Exception? inner = null) : Exception(failure.ToString(), inner)
{
    /// <summary>The typed reason.</summary>
    public ImportFailure Failure { get; } = failure;
}

/// <summary>Either the records or the reason why not.</summary>
public sealed record ImportResult
{
    /// <summary>The records, or null.</summary>
    public RecordTable? Table { get; init; }

    /// <summary>The refusal, or null.</summary>
    public ImportFailure? Failure { get; init; }
}
