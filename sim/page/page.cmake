# The HTML page (page/README.md): bundled with npm's packages, pinned by package-lock.json.
find_program(NPM npm)
find_program(NODE NAMES node nodejs)
if(NPM AND NODE)
  set(HEAPSIM_PAGE_DEFAULT ON)
else()
  set(HEAPSIM_PAGE_DEFAULT OFF)
  message(WARNING "npm or node is missing: heapsim is built without its HTML page (--html)")
endif()
option(HEAPSIM_PAGE "Build the HTML page; needs npm and node" ${HEAPSIM_PAGE_DEFAULT})
set(PAGE_BUILD ${CMAKE_CURRENT_BINARY_DIR}/page)
if(HEAPSIM_PAGE)
  file(GLOB PAGE_SOURCES CONFIGURE_DEPENDS page/src/* page/*.mjs page/*.json page/.npmrc)
  add_custom_command(
    OUTPUT ${PAGE_BUILD}/page_template.c
    COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_CURRENT_SOURCE_DIR}/page ${PAGE_BUILD}
    COMMAND ${CMAKE_COMMAND} -E chdir ${PAGE_BUILD} ${NPM} ci --ignore-scripts --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E chdir ${PAGE_BUILD} ${NODE} build.mjs ${PAGE_BUILD}
    DEPENDS ${PAGE_SOURCES}
    COMMENT "Bundling the HTML page")
else()
  file(WRITE ${PAGE_BUILD}/page_template.c
       "#include \"report_html_inner.h\"\nconst unsigned char hs_page_template[1] = {0};\n"
       "const size_t hs_page_template_size = 0;\n")
endif()
target_sources(heapsim_objects PRIVATE ${PAGE_BUILD}/page_template.c)
