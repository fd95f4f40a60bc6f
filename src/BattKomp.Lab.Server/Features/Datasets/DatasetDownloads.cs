using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Errors;
using Grpc.Core;
using Microsoft.Net.Http.Headers;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>Registers the slice and its one plain HTTP address.</summary>
public static class DatasetDownloads
{
    private const string GateMethod = "/battkomp.lab.v1.DatasetService/DownloadFile";

    /// <summary>Segments and datasets.</summary>
    public static IServiceCollection AddDatasets(this IServiceCollection services) =>
        services.AddSingleton<Segments>().AddSingleton<DatasetSubjects>().AddSingleton<Datasets>();

    /// <summary>GET /v1/datasets/{d}/versions/{v}/files/{file}, with range requests; the ETag is the file's SHA-256.</summary>
    public static void MapDatasetDownloads(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/datasets/{dataset}/versions/{version}/files/{file}", async (
            string dataset, string version, string file, HttpContext http, Datasets datasets, CallerResolver callers, Policy policy) =>
        {
            try
            {
                var caller = await callers.ResolveAsync(http, http.RequestAborted) ?? throw LabErrors.Unauthenticated();
                policy.RequireMethod(GateMethod, caller);
                var (found, path) = await datasets.OpenAsync(caller, $"datasets/{dataset}/versions/{version}", file, http.RequestAborted);
                return Results.File(path, found.MediaType, found.File, entityTag: new EntityTagHeaderValue($"\"{found.Sha256}\""), enableRangeProcessing: true);
            }
            catch (LabException e)
            {
                return Results.Text(e.ToJson(), "application/json", statusCode: HttpStatus(e.ToRpcException().StatusCode));
            }
        });

    private static int HttpStatus(StatusCode code) => code switch
    {
        StatusCode.Unauthenticated => StatusCodes.Status401Unauthorized,
        StatusCode.PermissionDenied => StatusCodes.Status403Forbidden,
        StatusCode.NotFound => StatusCodes.Status404NotFound,
        StatusCode.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status400BadRequest,
    };
}
